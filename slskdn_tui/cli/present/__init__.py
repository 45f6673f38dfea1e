"""Text from values: views, tables, help, completions. Core: nothing here prints."""
