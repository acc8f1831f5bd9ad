// For browsers that cannot read the modules, as on an older phone: no module itself, and in the JavaScript of 2009.
//
// Where checkout.js does not run, the page shows after a moment what needs no scripts, and a payment reads itself again.

(function () {
  var page = document.documentElement;
  var rounds = 0;
  page.className = "is-starting";
  setInterval(function () {
    if (page.className === "is-live") return;
    page.className = "";
    rounds += 1;
    if (rounds % 6 === 0 && navigator.onLine && document.querySelector(".check")) location.reload();
  }, 5000);

  // A country shows its own methods only, from the first moment on: the chosen method is always one that can be seen.
  document.addEventListener("change", function (event) {
    var country = /** @type {HTMLInputElement} */ (event.target);
    if (country.name !== "country") return;
    /** @type {NodeListOf<HTMLInputElement>} */
    var methods = document.querySelectorAll("[data-country=" + country.value + "] input[name=method]");
    for (var i = 0; i < methods.length; i += 1) if (methods[i].checked) return;
    if (methods.length) methods[0].checked = true;
  });
})();
