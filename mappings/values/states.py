"""States and provinces of countries whose addresses need them, by code and name (ISO 3166-2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from mappings.values.countries import plain
from mappings.values.texts import Unusable, text
from model.event import JsonValue

_TABLE = """\
US AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California, Calif.; CO Colorado; CT Connecticut; DE \
Delaware; DC District of Columbia, D.C., Washington DC, Washington D.C.; FL Florida; GA Georgia; HI \
Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana; ME Maine; MD \
Maryland; MA Massachusetts, Mass.; MI Michigan; MN Minnesota; MS Mississippi; MO Missouri; MT Montana; NE \
Nebraska; NV Nevada; NH New Hampshire; NJ New Jersey; NM New Mexico; NY New York, New York State; NC North \
Carolina; ND North Dakota; OH Ohio; OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; SC South \
Carolina; SD South Dakota; TN Tennessee; TX Texas; UT Utah; VT Vermont; VA Virginia; WA Washington, \
Washington State; WV West Virginia; WI Wisconsin; WY Wyoming; AS American Samoa; GU Guam; MP Northern \
Mariana Islands; PR Puerto Rico; VI U.S. Virgin Islands, Virgin Islands
CA AB Alberta; BC British Columbia, Colombie-Britannique; MB Manitoba; NB New Brunswick, \
Nouveau-Brunswick; NL Newfoundland and Labrador, Newfoundland; NS Nova Scotia, Nouvelle-Écosse; NT \
Northwest Territories; NU Nunavut; ON Ontario; PE Prince Edward Island; QC Quebec, Québec, PQ; SK \
Saskatchewan; YT Yukon, Yukon Territory
AU ACT Australian Capital Territory; NSW New South Wales; NT Northern Territory; QLD Queensland; SA South \
Australia; TAS Tasmania; VIC Victoria; WA Western Australia
BR AC Acre; AL Alagoas; AP Amapá; AM Amazonas; BA Bahia; CE Ceará; DF Distrito Federal; ES Espírito Santo; \
GO Goiás; MA Maranhão; MT Mato Grosso; MS Mato Grosso do Sul; MG Minas Gerais; PA Pará; PB Paraíba; PR \
Paraná; PE Pernambuco; PI Piauí; RJ Rio de Janeiro; RN Rio Grande do Norte; RS Rio Grande do Sul; RO \
Rondônia; RR Roraima; SC Santa Catarina; SP São Paulo; SE Sergipe; TO Tocantins
CH AG Aargau; AI Appenzell Innerrhoden; AR Appenzell Ausserrhoden; BE Bern, Berne; BL Basel-Landschaft, \
Baselland; BS Basel-Stadt; FR Fribourg, Freiburg; GE Geneva, Genève, Genf; GL Glarus; GR Graubünden, \
Grisons; JU Jura; LU Luzern, Lucerne; NE Neuchâtel; NW Nidwalden; OW Obwalden; SG St. Gallen, Sankt \
Gallen; SH Schaffhausen; SO Solothurn; SZ Schwyz; TG Thurgau; TI Ticino, Tessin; UR Uri; VD Vaud, Waadt; \
VS Valais, Wallis; ZG Zug; ZH Zürich, Zurich, Zuerich
DE BB Brandenburg; BE Berlin; BW Baden-Württemberg, Baden-Wuerttemberg; BY Bayern, Bavaria; HB Bremen; HE \
Hessen, Hesse; HH Hamburg; MV Mecklenburg-Vorpommern; NI Niedersachsen, Lower Saxony; NW \
Nordrhein-Westfalen, North Rhine-Westphalia, NRW; RP Rheinland-Pfalz, Rhineland-Palatinate; SH \
Schleswig-Holstein; SL Saarland; SN Sachsen, Saxony; ST Sachsen-Anhalt, Saxony-Anhalt; TH Thüringen, \
Thuringia, Thueringen
IN AN Andaman and Nicobar Islands; AP Andhra Pradesh; AR Arunachal Pradesh; AS Assam; BR Bihar; CH \
Chandigarh; CG Chhattisgarh, CT; DH Dadra and Nagar Haveli and Daman and Diu; DL Delhi, New Delhi; GA Goa; \
GJ Gujarat; HR Haryana; HP Himachal Pradesh; JH Jharkhand; JK Jammu and Kashmir; KA Karnataka; KL Kerala; \
LA Ladakh; LD Lakshadweep; MH Maharashtra; ML Meghalaya; MN Manipur; MP Madhya Pradesh; MZ Mizoram; NL \
Nagaland; OD Odisha, Orissa, OR; PB Punjab; PY Puducherry, Pondicherry; RJ Rajasthan; SK Sikkim; TG \
Telangana, TS; TN Tamil Nadu; TR Tripura; UK Uttarakhand, UT; UP Uttar Pradesh; WB West Bengal
MX AGU Aguascalientes; BCN Baja California; BCS Baja California Sur; CAM Campeche; CHH Chihuahua; CHP \
Chiapas; CMX Ciudad de México, Mexico City, CDMX, Distrito Federal; COA Coahuila; COL Colima; DUR Durango; \
GRO Guerrero; GUA Guanajuato; HID Hidalgo; JAL Jalisco; MEX México, Estado de México; MIC Michoacán; MOR \
Morelos; NAY Nayarit; NLE Nuevo León; OAX Oaxaca; PUE Puebla; QUE Querétaro; ROO Quintana Roo; SIN \
Sinaloa; SLP San Luis Potosí; SON Sonora; TAB Tabasco; TAM Tamaulipas; TLA Tlaxcala; VER Veracruz; YUC \
Yucatán; ZAC Zacatecas
"""


@cache
def names_by_country() -> Mapping[str, Mapping[str, str]]:
    """Return country -> code -> name."""
    return {
        line[:2]: {
            entry.split(" ", 1)[0]: entry.split(" ", 1)[1].split(", ")[0] for entry in line[3:].split("; ")
        }
        for line in _TABLE.splitlines()
    }


@cache
def _spellings(country: str) -> Mapping[str, str]:
    [line] = [line for line in _TABLE.splitlines() if line.startswith(country)]
    found = {}
    for entry in line[3:].split("; "):
        code, _, names = entry.partition(" ")
        for spelling in (code, f"{country} {code}", *names.split(", ")):  # "US-CA" is ISO's own form
            found[plain(spelling)] = code
    return found


def state(value: JsonValue, country: str = "") -> str:
    """The code of a state by its code or name, in the country of the person; elsewhere the text as it is."""
    name = text(value)
    if not name or country not in names_by_country():
        return name
    code = _spellings(country).get(plain(name))
    if code is None:
        raise Unusable(f'"{name[:60]}" is not a state of {country}')
    return code


def state_name(value: JsonValue, country: str = "") -> str:
    """The same, by its name in full."""
    code = state(value, country)
    return names_by_country().get(country, {}).get(code, code)
