"""The mailroom: letters are entered before they are scanned, scanned in batches, put in order, taken in, read over.

`register` keeps the register of incoming letters, `returns` what came back of ours, `uploads` receives scans, `pages`
renders them, `arranging` puts pages together as letters, `taking` sends a letter through the letter channel, `reading`
lists what is to be read over.
"""
