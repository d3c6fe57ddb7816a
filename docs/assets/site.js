// Code and tables that scroll sideways can be scrolled by keyboard.
addEventListener("load", () =>
  document.querySelectorAll("pre > code, .md-typeset__scrollwrap").forEach((one) => (one.tabIndex = 0))
);
