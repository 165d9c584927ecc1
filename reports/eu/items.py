"""The one table of what delegated regulation (EU) 2024/1364 asks of a data centre; definitions are ours."""

from __future__ import annotations

from collections.abc import Mapping

from reports.eu.item import Item

ACT = "Delegated Regulation (EU) 2024/1364"

_LEVELS = ("N", "N+1", "2N", "2N+1", "other")
_GWH = 1e11
"""kWh; more than any site can take in a year."""

ITEMS: tuple[Item, ...] = (
    Item("dc_name", "", "", "I", "identity", "declared", "Name of the data centre", "text",
         letter_checked=True),
    Item("owner_operator", "", "", "I", "identity", "declared", "Owner and operator, with contacts", "text",
         letter_checked=True),
    Item("location_lau", "", "", "I", "identity", "declared", "Code of the local administrative unit (LAU)",
         "text", letter_checked=True),
    Item("dc_type", "", "", "I", "identity", "declared", "Type of the data centre", "choice",
         choices=("enterprise", "colocation", "co-hosting"), letter_checked=True),
    Item("start_ym", "", "YYYY-MM", "I", "identity", "declared", "Month in which it went into operation",
         "month", letter_checked=True),
    Item("redundancy_electrical", "", "", "I", "operation", "declared", "Redundancy of the power supply",
         "choice", choices=_LEVELS, letter_checked=True),
    Item("redundancy_cooling", "", "", "I", "operation", "declared", "Redundancy of the cooling", "choice",
         choices=_LEVELS, letter_checked=True),
    Item("installed_it_power_kw", "PD_IT", "kW", "II.1.a", "energy", "declared",
         "Nominal power of servers, storage and network equipment that is installed", low=1, high=1e7),
    Item("floor_total_m2", "S_DC", "m2", "II.1.b", "energy", "declared", "Floor area of the data centre",
         low=1, high=1e7),
    Item("floor_computer_room_m2", "S_CR", "m2", "II.1.c", "energy", "declared",
         "Floor area of its computer rooms", low=1, high=1e7),
    Item("edc_kwh", "E_DC", "kWh", "II.1.d", "energy", "measured",
         "All energy that the data centre took in, at the inlet", high=_GWH, letter_checked=True),
    Item("other_energy", "", "", "II.1.d", "energy", "declared",
         "Whether chilled water, heat or fuel is bought beside the electricity (E_DC is all energy)",
         "choice", choices=("none", "bought"), letter_checked=True),
    Item("edc_bg_kwh", "E_DC-BG", "kWh", "II.1.d", "energy", "measured",
         "The part of it that backup generators gave", high=_GWH, letter_checked=True),
    Item("eit_kwh", "E_IT", "kWh", "II.1.e", "energy", "measured",
         "Energy of the IT equipment, behind the UPS or at the point that was declared", high=_GWH,
         letter_checked=True),
    Item("grid_functions", "", "", "II.1.f", "energy", "declared", "Whether it supports the grid", "choice",
         choices=("yes", "no")),
    Item("battery_to_grid_kw", "C_BtG", "kW", "II.1.g", "energy", "declared",
         "Battery capacity that was offered to the grid, on average", high=1e7),
    Item("win_m3", "W_IN", "m3", "II.1.h", "water", "measured",
         "All water that came in for the data centre", high=1e9),
    Item("win_pot_m3", "W_IN-POT", "m3", "II.1.i", "water", "declared", "The part of it that is potable",
         high=1e9),
    Item("ereuse_kwh", "E_REUSE", "kWh", "II.1.j", "heat", "measured",
         "Heat that others used in the place of other energy, at the handover", high=_GWH),
    Item("waste_heat_temp_c", "T_WH", "degC", "II.1.k", "heat", "declared",
         "Mean temperature of the fluid that carries the waste heat", low=5, high=95),
    Item("setpoint_intake_temp_c", "T_IN", "degC", "II.1.l", "cooling", "declared",
         "Mean set point of the air that IT equipment takes in", low=10, high=45),
    Item("refrigerants", "", "", "II.1.m", "cooling", "declared",
         "Refrigerants in the cooling of the computer rooms", "list"),
    Item("cooling_degree_days", "CDD", "degC.day", "II.1.n", "climate", "declared",
         "Cooling degree days of the location", high=6000),
    Item("eres_tot_kwh", "E_RES-TOT", "kWh", "II.1.o", "renewable", "derived",
         "Renewable energy: certificates, contracts and on-site together"),
    Item("eres_goo_kwh", "E_RES-GOO", "kWh", "II.1.p", "renewable", "measured",
         "By guarantees of origin that were cancelled, none of them of the rows below", high=_GWH),
    Item("eres_ppa_kwh", "E_RES-PPA", "kWh", "II.1.q", "renewable", "measured",
         "By power purchase agreements whose certificates were kept", high=_GWH),
    Item("eres_os_kwh", "E_RES-OS", "kWh", "II.1.r", "renewable", "measured",
         "Generated on site, certificates kept", high=_GWH),
    Item("server_capacity", "C_SERV", "declared unit", "II.2.a", "ict", "declared",
         "ICT capacity of the servers"),
    Item("storage_capacity_pb", "C_STOR", "PB", "II.2.b", "ict", "declared", "ICT capacity of the storage",
         high=1e9),
    Item("bandwidth_in_gbps", "B_IN", "GB/s", "II.3.a", "traffic", "declared",
         "Bandwidth that is provided for incoming data", high=1e9),
    Item("bandwidth_out_gbps", "B_OUT", "GB/s", "II.3.b", "traffic", "declared",
         "Bandwidth that is provided for outgoing data", high=1e9),
    Item("traffic_in_eb", "T_IN", "EB", "II.3.c", "traffic", "declared", "Data that came in", high=1e6),
    Item("traffic_out_eb", "T_OUT", "EB", "II.3.d", "traffic", "declared", "Data that went out", high=1e6),
    Item("pue", "PUE", "1", "III.a", "indicator", "derived", "Power usage effectiveness, E_DC / E_IT"),
    Item("wue", "WUE", "m3/MWh", "III.b", "indicator", "derived", "Water usage effectiveness, W_IN / E_IT"),
    Item("erf", "ERF", "1", "III.c", "indicator", "derived", "Energy reuse factor, E_REUSE / E_DC"),
    Item("ref", "REF", "1", "III.d", "indicator", "derived", "Renewable energy factor, E_RES-TOT / E_DC"),
)  # fmt: skip
"""Every item in the order of the act. Symbol T_IN stands for two of them: go by the key."""

BY_KEY: Mapping[str, Item] = {item.key: item for item in ITEMS}
