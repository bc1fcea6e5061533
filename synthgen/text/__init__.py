"""Text in every script: words, sentences, languages, tokens, quotes."""
