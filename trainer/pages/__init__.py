"""Self-contained HTML pages: templates with everything inside, charts as SVG; nothing is fetched, no script runs."""
