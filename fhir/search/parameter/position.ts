/** `near`: places within a distance. Source: http://hl7.org/fhir/R4/location.html#positional */
import { FhirError } from '../../http/outcome.ts';
import { splitUnescaped } from './escape.ts';
import { parseNumber } from './number.ts';
import type { ParameterType } from './parameter.ts';

const EARTH_KM = 6371.0088;
const KM_PER_DEGREE = (Math.PI * EARTH_KM) / 180;
const DEFAULT_KM = 50;
const UNITS_KM: Readonly<Record<string, number>> = {
  km: 1,
  m: 0.001,
  cm: 0.000_01,
  mi: 1.609344,
  '[mi_i]': 1.609344,
  '[mi_us]': 1.609347,
  '[nmi_i]': 1.852,
  '[ft_i]': 0.000_3048,
};

const refuse = (name: string, diagnostics: string): FhirError =>
  new FhirError('value', `${name}: ${diagnostics}`, { expression: `http.${name}` });

export const position: ParameterType = {
  table: 'position',
  datatypes: new Set(['Location.position']),
  modifiers: ['missing'],
  extract: (value, _, add) => {
    const { latitude, longitude } = value as { latitude?: unknown; longitude?: unknown };
    if (typeof latitude === 'number' && typeof longitude === 'number') add(latitude, longitude);
  },
  condition: (written, { name, value }) => {
    const [latitude, longitude, distance, unit = 'km', ...more] = splitUnescaped(written, '|');
    const lat = parseNumber(latitude ?? '')?.value;
    const lon = parseNumber(longitude ?? '')?.value;
    const amount = distance === undefined || distance === '' ? DEFAULT_KM : parseNumber(distance)?.value;
    if (lat === undefined || lon === undefined || amount === undefined || more.length > 0 || Math.abs(lat) > 90 || Math.abs(lon) > 180)
      throw refuse(name, 'write latitude|longitude|distance|unit in decimal degrees, such as 52.52|13.40|10|km');
    const perUnit = distance === undefined || distance === '' ? 1 : UNITS_KM[unit === '' ? 'km' : unit];
    if (perUnit === undefined || amount < 0) throw refuse(name, `give a distance in one of ${Object.keys(UNITS_KM).join(', ')}`);
    const km = amount * perUnit;
    const sql = (given: number): string => `${value(given)}::double precision`;
    const height = km / KM_PER_DEGREE;
    // A degree of longitude is shorter away from the equator; near a pole the box goes all the way round.
    const reach = Math.min(90, Math.abs(lat) + height);
    const width = reach >= 89.9 ? 180 : Math.min(180, height / Math.cos((reach * Math.PI) / 180));
    const distanceKm = `${2 * EARTH_KM} * asin(least(1, sqrt(
      power(sind((t.latitude - ${sql(lat)}) / 2), 2) + cosd(${sql(lat)}) * cosd(t.latitude) * power(sind((t.longitude - ${sql(lon)}) / 2), 2))))`;
    return [
      {
        sql: `t.latitude between ${sql(lat - height)} and ${sql(lat + height)} and ${longitudes(lon - width, lon + width, sql)} and ${distanceKm} <= ${sql(km)}`,
      },
    ];
  },
};

/** The box's width, which may lie across the 180th meridian. */
const longitudes = (west: number, east: number, sql: (given: number) => string): string => {
  if (east - west >= 360) return 'true';
  if (west < -180) return `(t.longitude >= ${sql(west + 360)} or t.longitude <= ${sql(east)})`;
  if (east > 180) return `(t.longitude >= ${sql(west)} or t.longitude <= ${sql(east - 360)})`;
  return `t.longitude between ${sql(west)} and ${sql(east)}`;
};
