"""The formats of pages, a module for each, which declares one `page.Format`."""
