// A page about one floor has that floor's time: its axes, its days, its "today". A zone that somebody chose by
// hand stays; one that this script set for another floor does not.
{
  const zone = context.panel.data.series.map((one) => one.meta?.custom?.timezone).find(Boolean);
  const chosen = new URLSearchParams(window.location.search).get('timezone');
  const isOurs = !chosen || chosen === 'browser' || chosen === sessionStorage.getItem('butlrZone');
  if (zone && zone !== chosen && isOurs) {
    sessionStorage.setItem('butlrZone', zone);
    context.grafana.locationService.partial({ timezone: zone }, true);
  }
}
