// Sends the response to the service provider; without scripts the button does.
"use strict";
document.getElementById("go-on").requestSubmit();
