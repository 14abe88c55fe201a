"""What administrators look at: pages made on the server, each with a `.json` twin. See README.md."""
