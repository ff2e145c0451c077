// The sign-in window comes back here: hand the code to the page that asked, leave no trace of it, and go.
const given = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);
const channel = new BroadcastChannel("signed-in");
channel.postMessage({ state: given.get("state"), code: given.get("code") });
channel.close();
window.close();
