"""The rows of an index put elsewhere: databases, and files for search engines."""
