"""The script that Streamlit runs: one line, so that everything else can be imported and tested."""

from weft.review_ui.shell import main

main()
