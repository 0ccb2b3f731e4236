/* Says on the page that it has changed since it was loaded. Nothing on it moves: whoever reads loads it again when it suits. */
(function () {
  "use strict";

  var line = document.getElementById("changed");
  if (!line || !window.EventSource) {
    return;
  }
  var source = new EventSource(line.getAttribute("data-events"));
  source.addEventListener("changed", function () {
    line.hidden = false;
    source.close();
  });
})();
