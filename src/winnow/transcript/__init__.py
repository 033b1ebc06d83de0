"""From a recording to text with times: cut at pauses, cleaned if wished, recognised, written as subtitles or text."""
