"""Parts of a run's page in the browser that labs share. NiceGUI is imported by their modules."""
