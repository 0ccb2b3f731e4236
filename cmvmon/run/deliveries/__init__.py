"""Files and messages into the store: landed first, then judged, then appended in one transaction."""
