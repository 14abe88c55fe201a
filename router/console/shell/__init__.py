"""The frame around every page: addresses, rights, language, layout, forms, errors."""
