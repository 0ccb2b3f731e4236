/* Draws each figure of the page from the JSON beside it, and marks a page that has grown old by the reader's clock. */
(function () {
  "use strict";

  function draw(holder) {
    var source = document.getElementById(holder.getAttribute("data-figure"));
    var figure = JSON.parse(source.textContent);
    holder.textContent = ""; // the note that stands there while nothing is drawn
    // Quiet, offline and not in the way of scrolling: no buttons, no zoom, no links.
    window.Plotly.newPlot(holder, figure.data, figure.layout, {
      displayModeBar: false,
      displaylogo: false,
      showLink: false,
      scrollZoom: false,
      doubleClick: false
    }).then(function () {
      holder.setAttribute("data-drawn", "yes");
      follow(holder);
    });
  }

  // A figure follows the width of its own place, not of the window: back from paper, the window has not changed.
  function follow(holder) {
    var drawn = holder.clientWidth;
    new ResizeObserver(function () {
      if (holder.clientWidth && holder.clientWidth !== drawn) {
        drawn = holder.clientWidth;
        window.Plotly.Plots.resize(holder);
      }
    }).observe(holder);
  }

  function markAge(line) {
    var hours = (Date.now() - Date.parse(line.getAttribute("data-as-of"))) / 3600000;
    line.hidden = !(hours > Number(line.getAttribute("data-hours")));
  }

  function markAges() {
    document.querySelectorAll("[data-as-of]").forEach(markAge);
  }

  function start() {
    document.querySelectorAll("[data-figure]").forEach(draw);
    markAges();
    // A page that is left open grows old too, and one that was asleep says so when it is looked at again.
    window.setInterval(markAges, 60000);
    document.addEventListener("visibilitychange", markAges);
    // What is folded on the screen is printed in full.
    window.addEventListener("beforeprint", function () {
      document.querySelectorAll("details").forEach(function (part) { part.open = true; });
    });
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
