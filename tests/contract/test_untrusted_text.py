"""Foreign text reaches a widget only as SafeText or Text: what is handed to one that reads markup is looked at in the source."""

import ast
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parents[2] / "slskdn_tui" / "ui"
READS_MARKUP = {"Static", "Label", "notify", "update", "Button", "Option", "Markdown"}


def plain(node: ast.expr) -> bool:
    """A text of our own: a literal, a format of nothing but literals, or such texts put together."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.JoinedStr):
        return all(isinstance(part, ast.Constant) for part in node.values)
    if isinstance(node, ast.BinOp):
        return plain(node.left) and plain(node.right)
    if isinstance(node, ast.IfExp):
        return plain(node.body) and plain(node.orelse)
    return False


def styled(node: ast.expr) -> bool:
    """Text, Content and what our own presenters and widgets return carry no markup."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        return name not in ("str", "format", "join", "markup", "from_markup")
    return False


def suspicious(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in READS_MARKUP or not node.args:
            continue
        if any(word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False for word in node.keywords):
            continue
        if (
            not plain(node.args[0])
            and not styled(node.args[0])
            and (isinstance(node.args[0], ast.JoinedStr | ast.BinOp) or name != "update")
        ):
            found.append((node.lineno, ast.unparse(node)[:100]))
    return found


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda path: str(path.relative_to(UI)))
def test_no_foreign_text_is_read_as_markup(path: Path) -> None:
    assert suspicious(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code", ["Static(row.title)", "self.notify(f'lost {name}')", "Label('a' + name)", "widget.update(f'{name}')", "Static(str(row.title))"]
)
def test_the_lint_sees_foreign_text(code: str) -> None:
    assert suspicious(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["Static('fixed')", "Static(Text(name))", "self.notify(name, markup=False)", "Label('a' if x else 'b')", "table.update(row)"]
)
def test_the_lint_leaves_our_own_text_alone(code: str) -> None:
    assert suspicious(ast.parse(code)) == []
