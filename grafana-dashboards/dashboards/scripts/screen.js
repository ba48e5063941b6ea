// What pages for a screen share: how they ask, and their colours. `space` is the page's own: the floors that it asks for.
const { chart, data } = context.panel;
const { theme, replaceVariables } = context.grafana;

// From the page's base, which is Grafana's root, also where that is a sub-path of a host.
let root = replaceVariables('api/datasources/proxy/uid/${ds}/api/v1/');
const LONGEST_WAIT_MS = 20000;
const LONGEST_SILENCE_MS = 180000;
const ink = theme.isDark ? '#e8e8f0' : '#1f2328';
const faint = theme.isDark ? '#9a9aa8' : '#5c6370';
const warning = '#ff9830';

async function fetched(target, words) {
  const query = new URLSearchParams({ space, ...words });
  const limit = { signal: AbortSignal.timeout(LONGEST_WAIT_MS) };
  const answer = await fetch(root + target + '?' + query, limit).catch((problem) => {
    // The browser's own words are "signal timed out".
    throw problem.name === 'TimeoutError' ? new Error('none within ' + LONGEST_WAIT_MS / 1000 + ' s') : problem;
  });
  if (!answer.ok) {
    throw new Error(answer.statusText || 'HTTP ' + answer.status);
  }
  return answer;
}

