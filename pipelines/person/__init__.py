"""What is in the person photo: pose, silhouette, parsing, body map."""
