"""One reader a file format; each gives `RawImages` for the training and the test part."""
