"""EBLearn: configurations, matrices and logs of its programs `train`, `detect` and `metarun`."""
