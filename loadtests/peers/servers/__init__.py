"""One file a server, each as its documentation teaches. `main(folder, port)` loads the pipeline's folder and serves on
127.0.0.1 until the process is told to end; whatever it leaves behind stands in the working directory.
"""
