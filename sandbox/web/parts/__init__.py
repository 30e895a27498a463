"""The lab's part of a run's page. NiceGUI is imported by its modules."""
