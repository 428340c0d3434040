/**
 * How things appear in a notebook: tables as HTML, figures as Plotly, progress and training as one display that updates
 * itself. Everything here also works without a kernel, where progress is printed as plain lines.
 */
package gerbil.notebook;
