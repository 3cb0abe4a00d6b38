// Standard atomic masses.
#pragma once

namespace atp {

// In u, as simulation codes take them when a file says nothing; 1 for X (0); 0 beyond the table.
double standard_mass(int atomic_number);

}  // namespace atp
