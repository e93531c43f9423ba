"""What people read: a view model of a study, tables for the terminal, the Markdown and the HTML report."""
