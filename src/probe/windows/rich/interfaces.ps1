$h=@{}
$h['adapters']=@(Get-NetAdapter|Select-Object Name,InterfaceIndex,MacAddress,MtuSize,@{n='OperState';e={[int]$_.InterfaceOperationalStatus}},@{n='Type';e={[int]$_.InterfaceType}},@{n='Speed';e={$_.TransmitLinkSpeed}})
$h['statistics']=@(Get-NetAdapterStatistics|Select-Object Name,ReceivedBytes,ReceivedUnicastPackets,ReceivedMulticastPackets,ReceivedBroadcastPackets,ReceivedDiscardedPackets,ReceivedPacketErrors,SentBytes,SentUnicastPackets,SentMulticastPackets,SentBroadcastPackets,OutboundDiscardedPackets,OutboundPacketErrors)
$h['addresses']=@(Get-NetIPAddress|Select-Object IPAddress,PrefixLength,InterfaceIndex,InterfaceAlias)
