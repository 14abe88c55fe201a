"""The one place where the hub is put together: settings in, working parts out; a module for each thing that runs."""
