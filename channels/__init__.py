"""The entrances of the hub: one folder a channel, strangers to one another and to the hub."""
