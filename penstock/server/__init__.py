"""The API over HTTP: routes, authentication, and one file a noun."""
