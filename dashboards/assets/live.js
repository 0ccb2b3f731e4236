/* Says on the page that it has changed since it was loaded, or that nobody tells it of changes any more: silence never reads as "as it
   was". Nothing on the page moves: whoever reads loads it again when it suits. */
(function () {
  "use strict";

  var PATIENCE_MS = 20000; /* a stream ends by itself now and then, and is opened anew within seconds */
  var line = document.getElementById("changed");
  var untold = document.getElementById("untold");
  if (!line || !untold) {
    return;
  }
  if (!window.EventSource) {
    untold.hidden = false;
    return;
  }
  var source = new EventSource(line.getAttribute("data-events"));
  var waiting = null;
  source.addEventListener("changed", function () {
    window.clearTimeout(waiting);
    untold.hidden = true;
    line.hidden = false;
    source.close();
  });
  source.addEventListener("open", function () {
    window.clearTimeout(waiting);
    waiting = null;
    untold.hidden = true;
  });
  source.addEventListener("error", function () {
    if (source.readyState === EventSource.CLOSED) {
      untold.hidden = false; /* refused, as after the session has ended: the browser does not ask again */
    } else if (waiting === null) {
      waiting = window.setTimeout(function () {
        untold.hidden = false;
      }, PATIENCE_MS);
    }
  });
})();
