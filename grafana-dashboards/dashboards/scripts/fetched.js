// What the backend draws, as large as the panel and in Grafana's theme; asked for when the variables have values.
const { chart, data } = context.panel;
const { theme, replaceVariables } = context.grafana;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const dom = chart.getDom();
const asked = replaceVariables('__ADDRESS__');
const isReady = !asked.includes('$') && !/[?&]space=(&|$)/.test(asked);
const message = (text) => ({
  title: { text, left: 'center', top: 'middle', textStyle: { color: ink, fontSize: 13, fontWeight: 'normal' } },
});

// In steps, so that panels of nearly one size share a picture.
const pixels = Math.ceil((dom.clientWidth * (window.devicePixelRatio || 1)) / 100) * 100;
const { from, to } = data.timeRange;
const address = asked + '&' + new URLSearchParams({
  from: from.valueOf(), to: to.valueOf(), theme: theme.isDark ? 'dark' : 'light',
  width: Math.min(Math.max(pixels, 400), __WIDEST__),
});

async function fetched() {
  const answer = await fetch(address);
  if (!answer.ok) {
    const said = await answer.json().catch(() => null);
    throw new Error(said?.message || answer.statusText || 'HTTP ' + answer.status);
  }
  return answer.blob();
}

function element(kind, style, parent = dom) {
  const made = document.createElement(kind);
  Object.assign(made.style, style);
  parent.appendChild(made);
  return made;
}

// A newer run of this script takes the place of an older one, whichever answer comes first.
const run = (dom.butlrRun = (dom.butlrRun ?? 0) + 1);
const isCurrent = () => dom.butlrRun === run && !chart.isDisposed();
