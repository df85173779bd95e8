"""Half a million mixed requests, and whether memory, threads or descriptors have grown by them."""
