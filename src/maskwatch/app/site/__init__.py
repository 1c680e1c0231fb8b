"""The site file: what is watched, who is told and what is kept; read, checked, explained."""
