// Marks a Streamlit page while a rerun that it asked for is not on the screen: <html data-asked>. From the click that
// asks, over the old and new elements side by side, to the last old element gone. data-runs counts what was shown.
// Streamlit's own mark, data-test-script-state, is set only when the server's answer comes.
(() => {
  const RERUN = (11 << 3) | 2;  // BackMsg.rerun_script, the first byte of such a message
  const NEW_SESSION = 4, SCRIPT_FINISHED = 6;  // fields of ForwardMsg
  const EARLY = 2;  // ScriptFinishedStatus: the script has asked for a rerun of itself
  const heard = new WeakSet();
  let begun = false, runs = 0;

  // The top fields of a protobuf message: numbers and, where they are numbers, values.
  function fields(bytes) {
    const found = new Map();
    let at = 0;
    const number = () => {
      let value = 0, unit = 1, byte;
      do { byte = bytes[at++]; value += (byte & 127) * unit; unit *= 128; } while (byte > 127);
      return value;
    };
    while (at < bytes.length) {
      const tag = number(), value = number();
      found.set(tag >> 3, value);
      if ((tag & 7) === 2) at += value;  // a length
    }
    return found;
  }

  const mark = (asked) => document.documentElement.toggleAttribute("data-asked", asked);

  function shown(frames) {
    if (!begun) return;  // it was asked again
    const app = document.querySelector('[data-testid="stApp"]');
    const old = app?.dataset.testScriptState !== "notRunning" || app.querySelector('[data-stale="true"]');
    if (frames > 0 || old) return void requestAnimationFrame(() => shown(frames - 1));
    begun = false;
    document.documentElement.dataset.runs = ++runs;
    mark(false);
  }

  function hear(event) {
    if (!(event.data instanceof ArrayBuffer)) return;
    const told = fields(new Uint8Array(event.data));
    if (told.has(NEW_SESSION)) begun = true;  // a script that finishes before it began has not seen what was asked
    if (told.get(SCRIPT_FINISHED) === EARLY) begun = false;
    else if (told.has(SCRIPT_FINISHED) && begun) shown(2);  // React draws after it was told
  }

  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (data instanceof Uint8Array && data[0] === RERUN) {
      begun = false;
      mark(true);
      if (!heard.has(this)) {
        heard.add(this);
        this.addEventListener("message", hear);
        this.addEventListener("close", () => { begun = false; mark(false); });
      }
    }
    return send.call(this, data);
  };
})();
