"""What a trained run gives: scores, metrics, control lines, planes, and the detector that scores new images."""
