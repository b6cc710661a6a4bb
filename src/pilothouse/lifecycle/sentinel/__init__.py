"""The drift sentinel: golden calls to every deployment, so that what a vendor changes in silence is noticed."""
