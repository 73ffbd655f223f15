"""Which event a label belongs to: from keys and label records to tickets."""
