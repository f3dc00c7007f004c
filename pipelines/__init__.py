"""From images and adapters to an image; knows nothing of shops, files or command lines."""
