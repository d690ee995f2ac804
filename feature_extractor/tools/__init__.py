"""What `graft trunk` starts: looking into graphs, fetching, listing, checking and quantising weights."""
