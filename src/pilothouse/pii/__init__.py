"""Personal data and secrets in texts: by their form, their check digits and the words beside them."""
