"""Pure presentation: a view's rows become lines and cells with style names. No Textual, no clock; tested with plain values."""
