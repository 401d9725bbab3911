// How a value stands on an axis or in a colour: as a share between 0 and 1, and back.
const ABSENT = -0.1;  // the place of a value that is not there, below its axis
const FEW_PLACES = 24;  // whole numbers that are told apart on an axis
const DECADES_FOR_LOG = 50;  // an axis of greatest to least beyond it is logarithmic where nothing else says so

// A value of an axis in words: small ones as powers of ten.
function figure(value) {
  const one = numeric(value);
  if (one === null || !Number.isFinite(one) || Math.abs(one) >= 1e4) return number(one);
  return one !== 0 && Math.abs(one) < 1e-3 ? Number(one.toPrecision(3)).toExponential() : String(Number(one.toPrecision(4)));
}

class NumberScale {
  constructor(low, high, { log = false, whole = false } = {}) {
    if (!(low <= high)) [low, high] = [0, 1];
    if (log && low <= 0) log = false;
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
    Object.assign(this, { low, high, log, whole, words: null });
    [this.from, this.to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
    if (whole && !log && high - low < FEW_PLACES) { this.from -= 0.5; this.to += 0.5; }  // each has a place of its own
  }

  // How much of the axis a place takes; 0 where there is no end of places.
  get room() { return this.whole && !this.log && this.high - this.low < FEW_PLACES ? 1 / (this.to - this.from) : 0; }

  // The same with room at both ends, as points want it.
  roomier(part = 0.04) {
    const room = part * (this.to - this.from), ends = [this.from - room, this.to + room];
    return new NumberScale(...(this.log ? ends.map((end) => 10 ** end) : ends), { log: this.log, whole: this.whole });
  }

  at(value) {
    const one = numeric(value);
    return one === null || !Number.isFinite(one) || (this.log && one <= 0) ? null : ((this.log ? Math.log10(one) : one) - this.from) / (this.to - this.from);
  }

  back(share) {
    const value = this.from + share * (this.to - this.from);
    return this.log ? 10 ** value : value;
  }

  // Some places with their text, few enough to be read.
  ticks(most = 5) {
    const steps = (many) => (this.log ? logSteps : niceSteps)(this.from, this.to, many).filter((place) => !this.whole || this.log || Number.isInteger(place));
    let places = steps(most);
    for (let more = most + 1; places.length < 2 && more < most + 4; more++) places = steps(more);
    return places.map((place) => [(place - this.from) / (this.to - this.from), shortNumber(this.log ? Number((10 ** place).toPrecision(3)) : Number(place.toPrecision(6)))]);
  }

  text(share) {
    const value = this.back(share);
    return figure(this.whole ? Math.min(this.high, Math.max(this.low, Math.round(value))) : value);
  }
}

class WordScale {
  constructor(words) {
    this.words = words;
    this.places = new Map(words.map((word, at) => [word, (at + 0.5) / words.length]));
  }

  at(value) { return value === null || value === undefined ? null : this.places.get(plainText(value)) ?? null; }
  get room() { return 1 / Math.max(1, this.words.length); }
  back(share) { return this.words[Math.min(this.words.length - 1, Math.max(0, Math.floor(share * this.words.length)))]; }
  ticks(most = 12) {
    const every = Math.ceil(this.words.length / most);
    return this.words.filter((_, at) => at % every === 0).map((word) => [this.places.get(word), word]);
  }
  text(share) { return this.back(share); }
}

// The scale that values ask for: numbers by size, by their logarithm where they span decades, words in order.
function scaleOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined), numbers = known.map(numeric);
  if (!known.length || numbers.some((value) => value === null) || known.every((value) => typeof value === "boolean")) return new WordScale([...new Set(known.map(plainText))].sort());
  let low = Infinity, high = -Infinity;
  for (const value of numbers) if (Number.isFinite(value)) { if (value < low) low = value; if (value > high) high = value; }
  return new NumberScale(low, high, { log: low > 0 && high / low > DECADES_FOR_LOG });
}

// The shares of values on a scale; what is not there gets `absent`.
function sharesOf(values, scale, absent = ABSENT) {
  const shares = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) shares[at] = scale.at(values[at]) ?? absent;
  return shares;
}

// Those that share a place stand side by side in it, so that one sees how many there are: by how much of the axis the
// one of a row is off the middle.
const besides = (scale, row, by = 0.6180339887) => 0.6 * scale.room * (((row * by) % 1) - 0.5);

// Colours from bad to good, told apart by their lightness too, each 3 to 1 to the page at least; the good end stands out.
const RAMPS = {
  light: [[168, 132, 80], [158, 122, 92], [92, 134, 142], [38, 104, 164], [20, 40, 120]],
  dark: [[134, 102, 64], [146, 116, 88], [84, 148, 160], [110, 190, 235], [226, 244, 255]],
};
// From early to late; a colour of its own, so that nobody takes it for good or bad.
const AGES = { light: [[150, 138, 168], [74, 20, 134]], dark: [[112, 100, 130], [230, 213, 255]] };
const SHADES = 24;

function shadesOf(ink, ramps = RAMPS) {
  const dark = lightness(ink.paper) < 0.5, stops = ramps[dark ? "dark" : "light"];
  return Array.from({ length: SHADES }, (_, at) => {
    const place = (at / (SHADES - 1)) * (stops.length - 1), low = Math.min(stops.length - 2, Math.floor(place)), part = place - low;
    return "#" + stops[low].map((one, side) => Math.round(one + (stops[low + 1][side] - one) * part).toString(16).padStart(2, "0")).join("");
  });
}

const shadeAt = (share) => Math.min(SHADES - 1, Math.max(0, Math.round(share * (SHADES - 1))));

function lightness(colour) {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = colour;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16) / 255);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
