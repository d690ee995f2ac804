"""Jobs and analyses: the queue, what a training job does, how it goes on after a stop."""
