"""What a pool is mixed from: cheap members beside the networks, one file each."""
