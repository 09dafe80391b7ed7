"""One file or folder an outside system; knows neither our rules nor our tables."""
