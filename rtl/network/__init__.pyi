from .component import NetworkComponent as NetworkComponent
from .component import build_network as build_network
from .verilog import generate_network_verilog as generate_network_verilog

__all__ = ["NetworkComponent", "build_network", "generate_network_verilog"]
