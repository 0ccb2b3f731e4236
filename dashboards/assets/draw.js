/* Draws each figure of the page from the JSON beside it, and marks a page that has grown old by the reader's clock. */
(function () {
  "use strict";

  function draw(holder) {
    var source = document.getElementById(holder.getAttribute("data-figure"));
    var figure = JSON.parse(source.textContent);
    holder.textContent = ""; // what stands there while nothing is drawn
    holder.hidden = false;
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

  // A figure follows the width of its own place, not of the window: back from paper, the window has not changed. What is
  // drawn is asked of the drawing: Plotly leaves out what was hidden when its turn came, and calls it done.
  function follow(holder) {
    new ResizeObserver(function () {
      var drawn = Number(holder.querySelector(".main-svg").getAttribute("width"));
      if (holder.clientWidth && Math.abs(holder.clientWidth - drawn) > 1) {
        window.Plotly.Plots.resize(holder).catch(function () { /* hidden meanwhile: this is called again when it is shown */ });
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

  // On paper an opened part of the first sheet stands behind it.
  function moveOpened() {
    var annex = document.getElementById("annex");
    if (!annex || annex.querySelector(".moved")) { return; }
    document.querySelectorAll(".first-sheet details[open]").forEach(function (part) {
      var copy = part.cloneNode(true);
      copy.className = "moved";
      annex.appendChild(copy);
    });
  }

  function putBack() {
    document.querySelectorAll(".moved").forEach(function (copy) { copy.remove(); });
  }

  function printAll() {
    var parts = document.querySelectorAll(".patient details");
    var closed = Array.prototype.filter.call(parts, function (part) { return !part.open; });
    closed.forEach(function (part) { part.open = true; });
    window.print();
    closed.forEach(function (part) { part.open = false; });
  }

  function start() {
    document.querySelectorAll("[data-figure]").forEach(draw);
    markAges();
    // A page that is left open grows old too, and one that was asleep says so when it is looked at again.
    window.setInterval(markAges, 60000);
    document.addEventListener("visibilitychange", markAges);
    // What is folded on the screen is printed in full, but for a patient: there one sheet is printed, and what was opened behind it.
    window.addEventListener("beforeprint", function () {
      document.querySelectorAll(".sheet:not(.patient) details").forEach(function (part) { part.open = true; });
      moveOpened();
    });
    window.addEventListener("afterprint", putBack);
    document.querySelectorAll("[data-print-all]").forEach(function (button) {
      button.parentNode.hidden = false;
      button.addEventListener("click", printAll);
    });
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
