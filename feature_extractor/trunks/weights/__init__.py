"""Where the network's weights come from, the file they are kept in, and the record of what a home resolved to."""
